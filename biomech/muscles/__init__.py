"""Muscles and ligaments: paths and wrapping, moment arms, force curves, tendon, activation."""
