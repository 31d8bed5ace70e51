"""What lives minutes, in Redis: alone, under Sentinel, or as a Cluster. Imported only where it is configured."""
