-- to_char is STABLE, and PostgreSQL does not inline a function that promises more than its body keeps: it ran as a query of its own, parsed anew by each statement that used it.
ALTER FUNCTION ea_time(timestamptz) STABLE;
