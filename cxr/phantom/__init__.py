"""The synthetic cohort: anatomy, findings, report language, and the truth about them.

cohort, patient_files   the folder: images, reports, truth
patient, course, disease, lesion                who comes, with what, and how it changes between visits
shape, thorax, deformation                      statistical shape model; the outlines of one examination
soft_tissue, skeleton, vessels, devices, film   what an X-ray passes, in centimetres
opacities, nodular, pleural, diffuse            what each finding does to that path
frame, raster, tubes    from centimetres to pixels
physics, appearance     exposure, scatter, noise, display; the tone of real films
render, truth, dicom    a film, its tables, its DICOM form
phrases, language, typing_errors                the report
fit, fit_shape, fit_appearance                  how parameters.npz was made (see NOTICE.md)
"""

from cxr.phantom.cohort import generate_cohort

__all__ = ["generate_cohort"]
