"""SAM 2.1 as four graphs of few shapes, for those who compute graphs: torch's compiler, CUDA graphs, ONNX Runtime."""
