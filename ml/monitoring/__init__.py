"""Whether the live model still fits: drift, calibration, recalibration."""
