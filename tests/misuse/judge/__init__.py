"""What tests/misuse/run consists of."""
