"""Offsets in one arena."""
