"""Municipal cases as Digisos documents: the whole event list of a case, sent again each time it grows."""
