-- SQL functions that a model may call: run this in the SQL editor of a Supabase project that has the
-- migrations of chat-backend, and add to chat-backend.toml:
--
--   [[tools]]
--   kind = "postgres"
--   name = "db"
--   default = true
--
-- A function is a tool if its comment begins with @tool. It runs as the signed-in user, under row-level
-- security. One that is stable or immutable cannot change rows and runs at once; before a volatile one
-- the user is asked.

create type public.order_status as enum ('open', 'paid', 'cancelled');
create domain public.quantity as integer check (value between 1 and 100);

create table public.orders (
  id bigint generated always as identity primary key,
  user_id uuid not null default auth.uid(),
  product text not null,
  quantity public.quantity not null,
  price numeric(10, 2) not null default 10,
  status public.order_status not null default 'open',
  ordered_at timestamptz not null default now()
);
alter table public.orders enable row level security;
create policy orders_own on public.orders for all to authenticated
  using ((select auth.uid()) = user_id) with check ((select auth.uid()) = user_id);
grant select, insert, update on public.orders to authenticated;

-- Rows: the model sees the first 100.
create function public.find_orders(
  status public.order_status default null, ordered_after date default null
) returns setof public.orders
  language sql stable set search_path = ''
  as $$
    select * from public.orders o
      where (find_orders.status is null or o.status = find_orders.status)
        and (ordered_after is null or o.ordered_at::date > ordered_after)
      order by o.id desc
  $$;
comment on function public.find_orders is '@tool Finds orders of the signed-in user, newest first.
@param status Only orders in this state
@param ordered_after Only orders after this day';

-- One value.
create function public.total_spent(year integer default null) returns numeric
  language sql stable set search_path = ''
  as $$
    select coalesce(sum(o.price * o.quantity), 0) from public.orders o
      where o.status = 'paid' and (year is null or extract(year from o.ordered_at) = year)
  $$;
comment on function public.total_spent is '@tool Says how much the signed-in user has paid.
@param year In this year alone';

-- A change: the user is asked before each call. What the type refuses, the model reads and mends.
create function public.place_order(product text, quantity public.quantity default 1)
  returns public.orders
  language sql set search_path = ''
  as $$
    insert into public.orders (product, quantity)
      values (place_order.product, place_order.quantity) returning *
  $$;
comment on function public.place_order is '@tool Places an order for the signed-in user.';

-- A change that may be made twice without harm. What it raises, the model reads.
create function public.cancel_order(order_id bigint) returns text
  language plpgsql set search_path = ''
  as $$
begin
  update public.orders o set status = 'cancelled' where o.id = order_id and o.status <> 'paid';
  if not found then
    raise exception 'There is no order % that can be cancelled.', order_id
      using hint = 'Paid orders cannot be cancelled.';
  end if;
  return 'cancelled';
end;
$$;
comment on function public.cancel_order is '@tool cancel_my_order
Cancels an order of the signed-in user that is not paid yet.
@param order_id The id of the order
@approval always
@repeatable';

-- PostgreSQL lets everybody execute a new function: only signed-in users are meant.
revoke execute on function public.find_orders, public.total_spent, public.place_order,
  public.cancel_order from public, anon;
grant execute on function public.find_orders, public.total_spent, public.place_order,
  public.cancel_order to authenticated;
