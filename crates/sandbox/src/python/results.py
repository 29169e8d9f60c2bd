# The value of a script's last expression as JSON.
import json

MAX_DEPTH = 60
LEAVES = (bool, int, float, str, bytes)
CONTAINERS = (dict, list, tuple, set, frozenset)
# Their text says more than their representation.
AS_TEXT = {'decimal', 'fractions', 'uuid', 'pathlib', 'ipaddress', 'datetime', 'pandas', 'numpy', 'zoneinfo'}


class TooLarge(Exception):
    pass


class ResultError(ValueError):
    pass


def to_json(value, max_bytes):
    """The value as JSON text, built without recursion; what has no JSON form becomes its text."""
    pieces, size, stack = [], 0, []

    def add(piece):
        nonlocal size
        size += len(piece)
        if size > max_bytes:
            raise TooLarge
        pieces.append(piece)

    def open_container(value):
        if len(stack) >= MAX_DEPTH:
            raise ResultError('The value of the last expression is nested more than %d levels deep' % MAX_DEPTH)
        is_map = isinstance(value, dict) and not any(isinstance(key, tuple) for key in value)
        add('{' if is_map else '[')
        stack.append([iter(value.items() if isinstance(value, dict) else value), is_map, True])

    def write(value):
        value = plain(plain(value, max_bytes), max_bytes)
        if isinstance(value, CONTAINERS):
            open_container(value)
        else:
            add(scalar(value))

    write(value)
    while stack:
        top = stack[-1]
        try:
            item = next(top[0])
        except StopIteration:
            stack.pop()
            add('}' if top[1] else ']')
            continue
        if not top[2]:
            add(',')
        top[2] = False
        if top[1]:
            key, item = item
            add(text(key_text(key)) + ':')
        write(item)
    return ''.join(pieces)


def plain(value, max_bytes):
    """Arrays, tables and such as lists and dictionaries."""
    if value is None or isinstance(value, LEAVES) or isinstance(value, CONTAINERS) or isinstance(value, type):
        return value
    kind = type(value).__name__
    if kind == 'DataFrame' and hasattr(value, 'iloc'):
        return records(value, max_bytes)
    if kind == 'DataFrame' and hasattr(value, 'to_dicts'):
        return value.to_dicts()
    if kind == 'Series' and hasattr(value, 'index'):
        return series(value, max_bytes)
    if kind in ('NaTType', 'NAType'):
        return None
    if kind in ('datetime64', 'timedelta64'):
        return str(value)
    if hasattr(value, 'tolist'):
        refuse_too_large(getattr(value, 'size', 0), max_bytes)
        return value.tolist()
    if hasattr(value, 'isoformat'):
        return value.isoformat()
    if isinstance(value, (range, type({}.keys()), type({}.values()), type({}.items()))) or kind == 'deque':
        return list(value) if len(value) <= 100000 else repr(value)
    return value


def refuse_too_large(count, max_bytes):
    """Each value takes a digit and a comma at least."""
    if isinstance(count, int) and 2 * count > max_bytes:
        raise TooLarge


def records(frame, max_bytes):
    """One dictionary for each row, with the index in front where it says something."""
    refuse_too_large(frame.size, max_bytes)
    columns = [(key_text(name), frame.iloc[:, at].tolist()) for at, name in enumerate(frame.columns)]
    columns = index_columns(frame.index, {name for name, _ in columns}) + columns
    names = [name for name, _ in columns]
    return [dict(zip(names, row)) for row in zip(*(values for _, values in columns))]


def index_columns(index, taken):
    """The levels of an index as columns; none if it only counts the rows."""
    if is_counter(index):
        return []
    columns = []
    for level in range(index.nlevels):
        name = index.names[level]
        if name is None:
            name = 'index' if index.nlevels == 1 else 'level_%d' % level
        name = key_text(name)
        while name in taken:
            name += '_index'
        taken.add(name)
        columns.append((name, index.get_level_values(level).tolist()))
    return columns


def is_counter(index):
    return type(index).__name__ == 'RangeIndex' and index.start == 0 and index.step == 1 and index.name is None


def series(values, max_bytes):
    """A dictionary by index, or pairs where the index has several levels or repeats itself."""
    refuse_too_large(values.size, max_bytes)
    pairs = zip(values.index.tolist(), values.tolist())
    if values.index.nlevels > 1 or not values.index.is_unique:
        return [list(pair) for pair in pairs]
    return dict(pairs)


def key_text(key):
    if isinstance(key, str):
        return key
    if isinstance(key, tuple):
        return '_'.join(str(part) for part in key if str(part))
    if hasattr(key, 'isoformat') and not isinstance(key, type):
        return key.isoformat()
    return str(key)


def scalar(value):
    if value is None:
        return 'null'
    if value is True or value is False:
        return 'true' if value else 'false'
    if isinstance(value, int):
        number = int(value)
        return str(number) if number.bit_length() <= 63 else text(repr_of(number))
    if isinstance(value, float):
        number = float(value)
        return repr(number) if number - number == 0 else 'null'
    if isinstance(value, str):
        return text(value)
    module = type(value).__module__
    as_text = isinstance(module, str) and module.partition('.')[0] in AS_TEXT
    return text(str(value) if as_text else repr_of(value))


def repr_of(value):
    try:
        return repr(value)
    except ValueError:
        return 'an integer of %d bits' % value.bit_length()


def text(value, dumps=json.dumps):
    return dumps(str(value), ensure_ascii=False)


