"""Devices: what memory there is, to answer whether a network fits."""

from solver.devices.catalogue import catalogue, find, load_file
from solver.devices.checks import DeviceError
from solver.devices.device import Bandwidth, Bank, BankKind, Citation, Device
from solver.devices.names import UnknownDeviceError
from solver.devices.spec import is_spec, parse_spec

__all__ = [
    "Bandwidth",
    "Bank",
    "BankKind",
    "Citation",
    "Device",
    "DeviceError",
    "UnknownDeviceError",
    "catalogue",
    "find",
    "is_spec",
    "load_file",
    "parse_spec",
]
