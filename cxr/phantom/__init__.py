"""The synthetic cohort: anatomy, findings, report language, and the truth about them.

cohort, patient_files, dicom                    the folder: images, reports, truth
patient, course, disease                        who comes, with what, and how it changes between visits
shape, thorax                                   statistical shape model; the outlines of one examination
soft_tissue, skeleton, devices, tubes           what an X-ray passes, in centimetres
opacities, pleural, effect                      what each finding does to that path
frame                                           from centimetres to pixels
render, film, appearance                        the picture: exposure, noise, display; the tone of real films
language, phrases                               the report
fit                                             how parameters.npz was made (see NOTICE.md)
"""

from cxr.phantom.cohort import generate_cohort

__all__ = ["generate_cohort"]
