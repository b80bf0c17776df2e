"""How a region's units are shared out among nested areas, so that every area's tables are met."""
