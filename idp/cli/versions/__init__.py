"""`idp realm log|show|draft|diff|publish|rollback|confirm`: a realm's versions, beside a running server or without."""
