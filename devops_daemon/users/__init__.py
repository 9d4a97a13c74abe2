"""What users of the product say: feedback becomes issues, one each."""
