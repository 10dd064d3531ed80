"""What Daybook is measured against. Each file is one design as its documentation shows it, with nothing held back."""
