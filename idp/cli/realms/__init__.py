"""`idp realm check|export|import`: realm files, out and in; `cli/versions` has the versions of a realm."""
