"""Report files in, label files out: every reader streams records, every writer takes them in chunks.

``source.read_reports`` recognises what it is given; ``outputs.output_format`` goes by the suffix of the file to write.
"""
