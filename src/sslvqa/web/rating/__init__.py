"""The page on which people rate the videos of a study."""
