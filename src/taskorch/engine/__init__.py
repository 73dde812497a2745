"""The first floor: carries out, on anyio, what the core has decided; it decides nothing itself."""
