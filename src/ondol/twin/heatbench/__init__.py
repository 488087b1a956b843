"""`ondol bench heat`: scenarios in which policies differ, every policy on each, and how far from the bound they are."""
