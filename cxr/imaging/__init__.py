"""File -> float image in [0, 1] -> network input, the same in training and in the clinic.

- :mod:`~cxr.imaging.reading`: one file of any supported kind -> a radiograph, or a typed refusal.
- :mod:`~cxr.imaging.preprocessing`: radiograph -> square uint8 network input, and the way back for boxes and heatmaps.
- :mod:`~cxr.imaging.dicom`, :mod:`~cxr.imaging.image`: what reading is made of.
"""
