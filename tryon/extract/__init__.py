"""What a person wears, saved as a flat garment picture with transparency: `tryon extract`."""
