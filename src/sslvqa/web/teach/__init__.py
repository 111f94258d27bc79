"""Teaching from the page: choose videos, have people rate them, train, score with the new model."""
