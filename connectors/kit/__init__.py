"""The connector kit: what every connector shares, whatever its agency speaks."""
