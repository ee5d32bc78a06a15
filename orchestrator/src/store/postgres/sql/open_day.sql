SELECT open_day(to_date($1::text, 'YYYYMMDD'))
