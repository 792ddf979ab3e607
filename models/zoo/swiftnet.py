"""SwiftNet: the network of irregular wiring that won the Visual Wake Words Challenge 2019.

Sources
-------
C.-Y. Cheng, H.-P. Cheng, T. Zhang, Y. Yang, M. Yan, V. Zhang, Y. Li, "SwiftNet: Using Graph
Propagation as Meta-knowledge to Search Highly Representative Neural Architectures",
arXiv:1906.08305, 2019; scheduled in B. H. Ahn et al., "Ordering Chaos: Memory-Aware Scheduling of
Irregularly Wired Neural Networks for Edge Devices" (SERENITY), MLSys 2020. The wiring and the sizes
are those of the authors' published 8-bit file (85 ops), op for op and in its order; layers carry
the file's numbers.
"""

from models.zoo._net import Net, Tensor

#: One row per op: name, kind, inputs; ``x`` is the cell's input. A ``conv`` is 1x1 and has the
#: cell's inner width, a ``wide`` one its output width, a ``depth`` is a 3x3 depthwise convolution.
_CELL_A = """
    conv_14     conv    x
    concat_0    concat  x conv_14
    conv_17     conv    conv_14
    conv_18     conv    x
    concat_5    concat  x conv_18
    conv_19     conv    conv_14
    conv_20     conv    concat_0
    concat_1    concat  conv_19 conv_20
    concat_3    concat  x conv_18 conv_19 conv_20
    conv_21     conv    concat_1
    concat_2    concat  conv_14 conv_21
    concat_4    concat  conv_20 conv_21
    conv_23     conv    concat_2
    conv_24     conv    concat_3
    concat_6    concat  conv_17 conv_20 conv_23 conv_24
    depth_25    depth   conv_20
    conv_25     conv    depth_25
    depth_26    depth   conv_23
    conv_26     conv    depth_26
    depth_27    depth   concat_4
    conv_27     conv    depth_27
    depth_28    depth   concat_5
    conv_28     conv    depth_28
    conv_29     conv    concat_6
    concat_7    concat  conv_25 conv_26 conv_27 conv_28 conv_29
    identity    wide    x
    projection  wide    concat_7
    sum         add     identity projection
"""

_CELL_B = """
    conv_43     conv    x
    conv_48     conv    x
    conv_49     conv    x
    conv_50     conv    x
    identity    wide    x
    depth_45    depth   conv_43
    depth_47    depth   conv_43
    conv_45     conv    depth_45
    concat_0    concat  conv_43 conv_45
    concat_3    concat  conv_43 conv_45
    conv_51     conv    concat_0
    depth_59    depth   concat_3
    conv_47     conv    depth_47
    concat_1    concat  conv_47 conv_48
    conv_52     conv    concat_1
    conv_57     conv    conv_48
    concat_2    concat  x conv_43 conv_45 conv_49
    conv_54     conv    concat_2
    conv_55     conv    conv_54
    conv_59     conv    depth_59
    concat_4    concat  conv_50 conv_51 conv_52 conv_55 conv_57 conv_59
    projection  wide    concat_4
    sum         add     identity projection
"""

_CELL_C = """
    conv_67     conv    x
    identity    wide    x
    depth_71    depth   conv_67
    conv_75     conv    conv_67
    depth_81    depth   conv_67
    conv_83     conv    conv_67
    depth_87    depth   conv_67
    depth_89    depth   conv_67
    conv_71     conv    depth_71
    concat_0    concat  x conv_71
    concat_1    concat  conv_67 conv_71
    conv_80     conv    concat_0
    depth_85    depth   concat_1
    depth_82    depth   conv_75
    depth_84    depth   conv_75
    conv_81     conv    depth_81
    conv_82     conv    depth_82
    conv_84     conv    depth_84
    conv_85     conv    depth_85
    conv_87     conv    depth_87
    conv_89     conv    depth_89
    concat_2    concat  conv_80 conv_81 conv_82 conv_83 conv_84 conv_85 conv_87 conv_89
    projection  wide    concat_2
    sum         add     identity projection
"""


def _cell(net: Net, table: str, x: Tensor, inner: int, outer: int) -> Tensor:
    made = {"x": x}
    last = x
    for row in table.strip().splitlines():
        name, kind, *sources = row.split()
        inputs = [made[source] for source in sources]
        match kind:
            case "conv":
                last = net.conv(inputs[0], inner, name=name)
            case "wide":
                last = net.conv(inputs[0], outer, name=name)
            case "depth":
                last = net.depthwise(inputs[0], 3, name=name)
            case "concat":
                last = net.concat(inputs, name=name)
            case _:
                last = net.add(*inputs, name=name)
        made[name] = last
    return last


def swiftnet(net: Net) -> tuple[Tensor, ...]:
    """Build the whole network: 224 x 224 image, cells at 28, 14 and 7, two classes.

    At one byte per element, as published, every order's peak is 301056 bytes: the leading one-way
    Split copies the image.

    Notes
    -----
    The published file has no activation ops: its uint8 convolutions saturate at 0 and 6, a ReLU6
    for free. ONNX has no single float op for that, so this model leaves the rectification out
    rather than add ops and tensors that the deployed network does not have.
    """
    image = net.input(1, 3, 224, 224)
    x = net.op("Split", [image], image.shape, name="split", axis=1, num_outputs=1)
    x = net.conv(x, 16, 7, stride=4, name="stem_1")
    x = net.depthwise(x, 3, name="stem_2_depth")
    x = net.conv(x, 32, name="stem_2")
    for scope, table, inner, outer in (
        ("a", _CELL_A, 32, 48),
        ("b", _CELL_B, 48, 80),
        ("c", _CELL_C, 64, 76),
    ):
        x = net.max_pool(x, 2, stride=2, pad=0, name=f"pool_{scope}")
        with net.scope(scope):
            x = _cell(net, table, x, inner, outer)
    # Unlike GlobalAveragePool this drops the 1 x 1 image, so no Flatten is needed.
    flat = net.op("ReduceMean", [x, net.integers(2, 3)], (1, x.channels), name="mean", keepdims=0)
    return (net.unary("Softmax", net.gemm(flat, 2, name="logits"), name="softmax", axis=1),)
