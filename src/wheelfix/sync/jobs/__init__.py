"""The work of a sync as jobs: downloaded, fixed and stored by any process, and listed by one."""
