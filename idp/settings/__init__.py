"""The settings of a deployment: `tables` says what there is, `loading` reads and overrides, `problems` refuses."""
