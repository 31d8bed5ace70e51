"""What `idp realm check` hands out: text for a terminal, JSON and SARIF for machines, a page for auditors."""
