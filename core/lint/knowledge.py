"""What PyTorch's own names give: which results are tensors, on which side, with a graph or not."""

from __future__ import annotations

HOST_ATTRIBUTES = frozenset({
    "shape", "dtype", "device", "ndim", "requires_grad", "is_cuda", "layout", "names", "itemsize",
    "nbytes", "is_leaf", "grad_fn", "is_sparse", "is_mps",
})  # fmt: skip
"""Attributes of a tensor that the host knows without asking the device."""

TENSOR_ATTRIBUTES = frozenset({"T", "mT", "H", "mH", "real", "imag"})
OUTPUT_ATTRIBUTES = frozenset({
    "loss", "logits", "last_hidden_state", "pooler_output", "prediction_logits",
})  # fmt: skip
"""Attributes of what models of transformers return."""

HOST_METHODS = frozenset({
    "size", "dim", "numel", "nelement", "stride", "element_size", "is_contiguous", "type_as_string",
    "get_device", "data_ptr", "is_floating_point", "storage_offset", "ndimension", "register_hook",
    "untyped_storage", "is_complex", "has_names", "backward", "retain_grad", "__len__",
})  # fmt: skip
"""Methods of a tensor that give a plain value without waiting for the device."""

NO_GRAPH = frozenset({
    "detach", "argmax", "argmin", "long", "int", "bool", "byte", "short", "char", "eq", "ne", "lt",
    "gt", "ge", "le", "isnan", "isfinite", "isinf", "argsort", "nonzero", "sign", "detach_",
    "logical_not", "logical_and", "logical_or", "multinomial", "bernoulli", "bincount", "histc",
    "isclose", "isin", "searchsorted", "bucketize",
})  # fmt: skip
"""Methods and functions whose result carries no graph."""

PAIRS = frozenset({"topk", "sort", "kthvalue", "max", "min", "median", "mode", "cummax", "cummin"})
"""They give values and indices: the first two always, the others with a dimension."""
ALWAYS_PAIRS = frozenset({"topk", "sort", "kthvalue", "mode", "cummax", "cummin"})
LISTS = frozenset({"chunk", "split", "unbind", "tensor_split", "hsplit", "vsplit", "dsplit"})

CREATION = frozenset({
    "zeros", "ones", "tensor", "rand", "randn", "arange", "empty", "full", "linspace", "logspace",
    "eye", "randint", "randperm", "as_tensor", "normal", "range", "from_numpy", "FloatTensor",
    "LongTensor", "Tensor", "BoolTensor", "IntTensor", "DoubleTensor", "HalfTensor", "ByteTensor",
})  # fmt: skip
"""Functions of ``torch`` whose result is on the host unless ``device=`` says otherwise."""

HOST_FUNCTIONS = frozenset({
    "is_tensor", "numel", "is_floating_point", "get_rng_state", "save", "finfo", "iinfo",
    "manual_seed", "seed", "initial_seed", "set_grad_enabled", "no_grad", "enable_grad",
    "inference_mode", "Generator", "get_default_dtype", "set_default_dtype", "typename", "autocast",
    "set_printoptions", "set_num_threads", "get_num_threads", "use_deterministic_algorithms",
    "set_float32_matmul_precision", "is_grad_enabled", "Size", "load", "is_storage",
    "set_default_tensor_type", "set_default_device", "broadcast_shapes",
})  # fmt: skip
"""Functions of ``torch`` that give no tensor and wait for nothing."""

BOOLEANS = frozenset({"equal", "allclose", "is_nonzero"})
"""They read the device to answer with a Python bool."""

WRAPPERS = frozenset({
    "torch.compile", "torch.nn.DataParallel", "torch.nn.parallel.DistributedDataParallel",
    "torch.jit.script", "torch.jit.trace", "torch.nn.SyncBatchNorm.convert_sync_batchnorm",
    "torch.nn.parallel.DataParallel", "apex.parallel.DistributedDataParallel",
    "torch.distributed.fsdp.FullyShardedDataParallel", "torch.nn.utils.weight_norm",
    "torch.nn.utils.spectral_norm", "copy.deepcopy", "copy.copy", "torch.nn.utils.prune",
    "torch.compiler.disable", "torch.autograd.Variable",
})  # fmt: skip
"""Calls that give their first argument back, wrapped."""

PARTIAL = ("functools.partial",)

TRAINING_WORDS = ("backward", "optimize", "optimise", "train", "fit", "learn", "attack")
"""A call with such a name may train, whatever is called."""

PROGRESS = ("tqdm", "trange", "rich.progress", "progressbar", "fastprogress")
WRITERS = ("SummaryWriter", "wandb", "mlflow", "neptune", "clearml", "tensorboard_logger")
LOG_METHODS = frozenset({"debug", "info", "warning", "error", "critical", "exception", "log"})
WRITER_METHODS = frozenset({"add_scalar", "add_scalars", "log_metric", "log_metrics"})

LIGHTNING_STEPS = frozenset({"training_step", "on_before_optimizer_step"})
LIGHTNING_EVALUATION = frozenset({"validation_step", "test_step", "predict_step"})
TRAINER_STEPS = frozenset({"training_step", "compute_loss"})
"""Methods that Hugging Face's Trainer calls in each step."""
