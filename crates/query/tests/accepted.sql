select 1

SELECT 1;

select 1, 'a', 1.5, true, null, -3, 1e10, .5, inf, nan

select * from events

select event from events limit 10

select event, timestamp from events where event = '$pageview' order by timestamp desc limit 100 offset 20

select event, count() from events group by event order by count() desc

select event, count(distinct person_id) from events group by event

select count(*) from events

select count(DISTINCT properties.$session_id, event) from events

select properties.$browser, count() as c from events group by properties.$browser having c > 5

select properties['$browser'], properties.`some key`, properties."other key" from events

select properties.a.b.1.c from events

select person.properties.email, person.id, person.created_at from events

select events.person.properties.email from events

select e.event, e.person.properties.email from events as e

select e.event from events e

select pdi.person.properties.email from events

select group_0.properties.name, group_0.key from events

select session.$start_timestamp, session.$session_duration from events

select a?.b?.c, a?.[1], a?.['x'] from t

select toStartOfDay(timestamp) as day, uniq(person_id) from events where timestamp >= now() - interval 7 day group by day order by day

select toStartOfInterval(timestamp, INTERVAL 15 MINUTE), count() from events group by 1

select timestamp > now() - toIntervalDay(1) from events

select if(event = 'a', 1, 2), event = 'a' ? 1 : 2, properties.x ?? 'none' from events

select multiIf(event = 'a', 1, event = 'b', 2, 3) from events

select case when event = 'a' then 1 else 2 end from events

select case event when 'a' then 1 when 'b' then 2 else 3 end from events

select case when event = 'a' then 1 when event = 'b' then 2 end from events

select cast(properties.n as Int64), cast(1 as Nullable(Float64)), try_cast('x' as Int32), cast('a', 'String')

select properties.n::Float, '1'::int, 1::text, x::Array(String), d::Decimal(10, 2), t::DateTime64(6, 'UTC') from events

select event like '%a%', event not like '%a%', event ilike 'A%', event not ilike 'A%' from events

select event =~ '^a', event !~ 'b$', event =~* 'C', event !~* 'd', event ~ 'e', event ~* 'f' from events

select event in ('a', 'b'), event not in ('a', 'b'), event in ['a'], event in 'a' from events

select event in (select event from events) from events

select person_id in cohort 5, person_id not in cohort 'Friends' from events

select (event, distinct_id) in (('a', 'b'), ('c', 'd')) from events

select event global in (select 'a') from events

select x between 1 and 2, x not between 1 and 2 from t

select x is null, x is not null, x is distinct from y, x is not distinct from y, x <=> y from t

select not x, not not x, not (x and y) from t

select (x and y) and z, x and (y and z), (x or y) and z, x or y and z from t

select -x, -(-x), -(5), 1 - -1, +x, -x * -y from t

select 1 + 2 * 3 - 4 / 5 % 6, (1 + 2) * 3, 1 - (2 - 3), 8 / (4 / 2)

select 'a' || 'b' || 'c', concat('a', 'b')

select [1, 2, 3], [], ['a'][1], [[1], [2]][1][1], arr[-1], arr[1:2], arr[:2], arr[2:] from t

select (1, 'a'), (1, 'a').1, (1, 'a').2, tuple(1), (1,), () from t

select {'a': 1, 'b': [2]}, {}

select arrayMap(x -> x * 2, [1, 2, 3]), arrayMap((x, y) -> x + y, [1], [2]), arrayFilter(x -> x > 1, arr) from t

select arrayExists(x -> x like '%a%', arr), arrayCount(x -> x ? 1 : 0, arr) from t

select () -> 1, f(() -> 2) from t

select quantile(0.9)(x), quantiles(0.5, 0.9)(x), topK(3)(event), groupArray(10)(x) from events

select countIf(event = 'a'), sumIf(x, y > 1), avgIf(x, 1), uniqIf(person_id, event = 'a') from events

select count() filter (where event = 'a'), sum(x) filter (where y) from t

select string_agg(x, ',') within group (order by y desc) from t

select array_agg(x order by y desc, z) from t

select row_number() over (partition by event order by timestamp) from events

select sum(x) over (order by y rows between 1 preceding and current row) from t

select sum(x) over (order by y range between unbounded preceding and unbounded following), avg(x) over () from t

select lag(x, 1) over w, lead(x) over w from t window w as (partition by a order by b desc nulls last)

select first_value(x) over (order by y rows 2 preceding), last_value(x) over (groups between 1 preceding and 1 following) from t

with a as (select 1 as x) select x from a

with a as (select 1 as x), b as (select x from a) select * from b

with 1 as one select one

with toDate(timestamp) as day, 'x' as y select day, y from events

with a (x, y) as (select 1, 2) select x from a

with a as materialized (select 1) select * from a

with a as not materialized (select 1) select * from a

with recursive a as (select 1) select * from a

with (select count() from events) as total select event, count() / total from events group by event

select * from (select event from events)

select x.event from (select event from events) as x

select * from (select 1 union all select 2)

select * from ((select 1))

select (select 1), exists (select 1), exists(select 1 from events)

select 1 union all select 2

select 1 union distinct select 2 union all select 3

(select 1) union all (select 2)

select 1 union all (select 2 union all select 3)

select 1 intersect select 2

select 1 except select 2 except distinct select 3 intersect distinct select 4

select 1 from a join b on a.x = b.x

select 1 from a inner join b on a.x = b.x left join c on c.y = b.y and c.z > 1

select 1 from a left outer join b on a.x = b.x right join c on 1 full outer join d on 1

select 1 from a cross join b

select 1 from a, b, c

select 1 from a any left join b on a.x = b.x

select 1 from a left any join b on a.x = b.x asof join c on 1 semi left join d on 1 left anti join e on 1 all inner join f on 1

select 1 from a join b using (x) join c using x, y

select 1 from a global join b on 1

select 1 from events array join properties.list as item

select item from events left array join arr as item, brr as other where item = 1

select * from events final

select * from events sample 0.1

select * from events sample 1/10 offset 1/2

select * from events as e sample 0.5 where 1

select number from numbers(10)

select * from numbers(5, 10) as n

select * from (values (1, 'a'), (2, 'b')) as t (x, y)

select a.b.c from system.feature_flags as a

select event, count() from events group by all

select a, b, count() from t group by rollup(a, b)

select a, b, count() from t group by cube(a, b)

select a, b, count() from t group by grouping sets ((a, b), (a), ())

select a, count() from t group by a with rollup

select a, count() from t group by a with cube

select a from t order by a asc nulls first, b desc nulls last, c nulls first, d

select a from t limit 5, 10

select a from t limit 5 offset 10

select a from t offset 10

select a from t limit 10 with ties

select a from t limit 2 by b

select a from t limit 2 offset 1 by b, c limit 10

select top 5 a from t

select distinct a, b from t

select * exclude (a, b) from t

select * replace (a + 1 as a) from t

select t.*, u.* exclude (x) from t, u

select columns('a.*') from t

select a, b, from t

select a as b, b as `c d`, c as 'e f' from t

select a b, count() c from t

select event from events where {filters}

select {variables.a} from events where {filters} and event = {event_name}

select * from events where timestamp between {filters.dateRange.from} and {filters.dateRange.to}

select f'hello {event} and {properties.x + 1}', f'', f'no braces', f'\{x\}' from events

-- a comment
select 1 -- another
# and one more
from /* in between */ events

select 'it''s', 'it\'s', 'back\\slash', 'new\nline', '\d+', 'üñ', '"', '`' from t

select "quoted", `quoted`, `qu``oted`, "qu""oted" from t

select key, value, first, last, date, timestamp, interval, end, top from t

select interval '1 day', interval '2 weeks', interval 1 + 1 day, interval x hours from t

select date '2025-01-01', timestamp '2025-01-01 10:00:00', toDate('2025-01-01')

select extract(year from timestamp), extract(epoch from timestamp), extract(properties.x, 'a(b)') from events

select trim(both 'x' from y), trim(leading ' ' from y), trim(y), trim(y, 'x') from t

select a from t where b qualify row_number() over (order by a) = 1

select a from t prewhere b where c

select a from t settings max_threads = 1, b = 'x'

select dateDiff('day', timestamp, now()), dateAdd(day, 1, timestamp), dateTrunc('month', timestamp) from events

select matchesAction('x'), sparkline([1, 2]) from events

select toString(1).1, f(x).a.b, (a.b).c, [1].1, f(x)[1].y from t

select a = b = c, a < b < c from t

select x ? y ? 1 : 2 : 3 from t

select a ?? b ?? c, (a ?? b) = c from t

select ((select 1) + 1), ((select 1)), ((select 1) union all (select 2)), (((select 1)[1]), 2)

select a from t where x in ((select 1) union all select 2) and y in ((select 3))

(select event from events) union all (select event from events) order by 1 limit 5

(select 1) limit 1 offset 2

select event from (events e join persons p on e.person_id = p.id) left join groups on 1 = 1

select event, count() from events group by event with totals having count() > 1

select event from events order by timestamp limit 3 with ties

select {now - a.b}, {concat('x', name)} from events limit {limit} // the rest is a comment

select event from events offset 2 limit 1

select row_number() over w from events qualify row_number() over w = 1 window w as (order by timestamp)
