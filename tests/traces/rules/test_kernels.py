"""K1 to K4 and B1: what the device computes with which units."""

from __future__ import annotations

import pytest

from core.traces.kinds import FAMILIES, family_codes, tensor_cores

A100 = [{"id": 0, "name": "A100", "computeMajor": 8, "computeMinor": 0}]
P100 = [{"id": 0, "name": "P100", "computeMajor": 6, "computeMinor": 0}]
V100 = [{"id": 0, "name": "V100", "computeMajor": 7, "computeMinor": 0}]
HALF = "sm80_xmma_gemm_f16f16_f16f32_f32_tn_n"


def running(line, kernels, **args):
    """Each step runs the kernels (name, µs) one after the other."""
    line.steps(3)
    for t in range(0, 3000, 1000):
        at = t + 10
        for name, length in kernels:
            line.work(name, t + 5, at, length, **args)
            at += length
    return line.found()


def test_fp32_matrix_kernels_leave_tensor_cores_idle(line):
    line.top["deviceProperties"] = A100
    found = running(line, [("ampere_sgemm_128x64_tn", 400), ("relu_elementwise", 500)])["K1"]
    assert found.severity == "warning"
    assert found.predicted_speedup is None
    assert "TF32" in found.fix.snippet


def test_before_ampere_there_is_no_tf32(line):
    line.top["deviceProperties"] = V100
    found = running(line, [("volta_sgemm_128x64_nt", 900)])["K1"]
    assert any("no TF32" in line for line in found.evidence)


@pytest.mark.parametrize(
    ("kernels", "device"),
    [
        ([("maxwell_sgemm_128x64_nt", 900)], P100),
        ([("cutlass_80_tensorop_s1688gemm_128x128", 900)], A100),
        ([("ampere_sgemm_128x64_tn", 40), (HALF, 900)], A100),
        ([("vectorized_elementwise_kernel", 900)], A100),
    ],
    ids=["no tensor cores", "TF32 already", "4 % only", "no matrix kernel"],
)
def test_fp32_is_not_blamed_where_it_is_no_loss(line, kernels, device):
    line.top["deviceProperties"] = device
    assert "K1" not in running(line, kernels)


def test_cutlass_says_that_sizes_do_not_fit(line):
    name = "cutlass_80_tensorop_bf16_s16816gemm_bf16_128x128_nn_align1"
    found = running(line, [(name, 300), ("softmax", 600)])["K2"]
    assert found.share == pytest.approx(0.3, abs=0.01)


@pytest.mark.parametrize("name", ["cutlass_bf16_s16816gemm_nn_align8", "cutlass_s1688gemm_align4"])
def test_aligned_or_fp32_kernels_fit(line, name):
    assert "K2" not in running(line, [(name, 900)])


@pytest.mark.parametrize(("side", "fires"), [(65, True), (64, False)])
def test_recorded_shapes_say_so_too(line, side, fires):
    line.steps(3)
    for t in range(0, 3000, 1000):
        line.host("aten::linear", t + 1, 30)
        line.host("aten::addmm", t + 2, 20, **{"Input Dims": [[64], [32, side], [side, 64], []]})
        line.work(HALF, t + 5, t + 10, 900)
    found = line.found()
    assert ("K2" in found) == fires
    if fires:
        assert "32×65" in found["K2"].evidence[1]


def test_small_grids_leave_multiprocessors_empty(line):
    found = running(line, [("small", 900)], **{"blocks per SM": 0.25})["K3"]
    assert found.cost_ms == pytest.approx(0.675)
    assert "75 %" in found.evidence[0]


@pytest.mark.parametrize("blocks", [0.9, 4, 0, None])
def test_nearly_full_or_unknown_grids_are_no_finding(line, blocks):
    assert "K3" not in running(line, [("k", 900)], **{"blocks per SM": blocks})


def convolving(line, dims, after="aten::batch_norm"):
    line.steps(3)
    for t in range(0, 3000, 1000):
        line.host("aten::conv2d", t + 10, 80, **{"Input Dims": dims})
        line.host("aten::_convolution", t + 11, 78)
        line.host("aten::add_", t + 60, 20)
        line.work("bias_kernel", t + 62, t + 300, 50)
        line.host(after, t + 100, 50)
        line.work("bn_fw_tr", t + 110, t + 350, 400)
    return line.found()


BIASED = [[8, 3, 9, 9], [4, 3, 3, 3], [4], [], []]


def test_a_bias_before_a_batch_normalisation_does_nothing(line):
    found = convolving(line, BIASED)["K4"]
    assert found.cost_ms == pytest.approx(0.05)
    assert "bias=False" in found.fix.snippet


@pytest.mark.parametrize(
    ("dims", "after"),
    [([*BIASED[:2], [], [], []], "aten::batch_norm"), (BIASED, "aten::relu")],
    ids=["no bias", "no normalisation"],
)
def test_other_convolutions_may_keep_theirs(line, dims, after):
    assert "K4" not in convolving(line, dims, after)


def test_a_healthy_device_says_what_it_computes(line):
    kernels = [(HALF, 600), ("vectorized_elementwise_kernel", 300), ("ncclDevKernel", 20)]
    found = running(line, kernels)
    assert found["B1"].severity == "note"
    assert found["B1"].evidence == ("Time of its kernels: matmul 67 %, elementwise 33 %.",)


def test_a_waiting_device_does_not(line):
    assert "B1" not in running(line, [(HALF, 300)])


@pytest.mark.parametrize(
    ("name", "family", "units"),
    [
        ("ncclDevKernel_AllReduce_Sum_f32_RING_LL", "communication", -1),
        ("void pytorch_flash::flash_fwd_kernel<T>(P)", "attention", 1),
        ("sm90_xmma_gemm_bf16bf16_bf16f32_f32_tn_n_tilesize128x128x64", "matmul", 1),
        ("nvjet_hsh_128x256_64x4_1x2_h_bz_TNN", "matmul", 1),
        ("sm80_xmma_gemm_f32f32_f32f32_f32_tn_n_tilesize32x32x8_stage3_ffma", "matmul", 0),
        ("volta_fp16_s884gemm_fp16_128x128_ldg8_f2f_nn", "matmul", 1),
        ("Cijk_Ailk_Bljk_HHS_BH_MT128x128x32_MI32x32x8x1", "matmul", 1),
        ("Cijk_Ailk_Bljk_SB_MT64x64x16_SE", "matmul", 0),
        ("volta_scudnn_128x64_relu_interior_nn_v1", "convolution", 0),
        ("void cudnn::bn_bw_1C11_kernel_new<float>", "normalisation", -1),
        ("void at::native::(anonymous namespace)::cunn_SoftMaxForward<8>", "softmax and loss", -1),
        ("void multi_tensor_apply_kernel<TensorListMetadata<4>, AdamFunctor>", "optimizer", -1),
        ("void fbgemm_gpu::permute_2D_lengths_kernel<int>", "copy and fill", -1),
        ("bfloat16_convert_elementwise_kernel", "elementwise", -1),
        ("triton_poi_fused_add_0", "elementwise", -1),
        ("mystery", "other", -1),
    ],
)
def test_kernels_are_known_by_their_names(name, family, units):
    assert FAMILIES[family_codes((name,))[0]] == family
    assert tensor_cores((name,))[0] == units
