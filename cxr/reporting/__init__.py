"""Screening scores -> sentences that the image supports."""
