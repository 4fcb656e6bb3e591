"""SAM 2.1 as four ONNX graphs, and ONNX Runtime in place of PyTorch where the time goes."""
