"""Opening what is kept: for a site that starts, and for the command line beside a running one."""
