"""ChestX-ray8-style datasets: build, read, split by patient, cache.

- :func:`cxr.datasets.dataset.open_dataset`: any known layout -> one :class:`~cxr.datasets.schema.Dataset`.
- :func:`cxr.datasets.builder.build_dataset`: images + reports -> a folder in the ChestX-ray8 layout.
- :class:`cxr.datasets.cache.ImageCache`: the images of a dataset as one memory map of network inputs.
"""

try:
    import pandas  # noqa: F401  # every module of this package works on data frames
    import pyarrow  # noqa: F401
except ImportError:
    from nlp_labeler.errors import MissingExtraError

    raise MissingExtraError("working with datasets", "train") from None
