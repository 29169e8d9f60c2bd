// The texts of units, in American English. What is not listed is refused.
(function (shared) {
  'use strict'
  const { Object } = shared.taken
  // A unit's abbreviation, which stands close to the number where there is little room.
  const SHORT = {
    acre: 'ac', bit: 'bit', byte: 'byte', centimeter: 'cm', degree: 'deg', 'fluid-ounce': 'fl oz', foot: 'ft', gallon: 'gal', gigabit: 'Gb', gigabyte: 'GB',
    gram: 'g', hectare: 'ha', hour: 'hr', inch: 'in', kilobit: 'kb', kilobyte: 'kB', kilogram: 'kg', kilometer: 'km', liter: 'L', megabit: 'Mb', megabyte: 'MB',
    meter: 'm', microsecond: 'μs', mile: 'mi', milliliter: 'mL', millimeter: 'mm', millisecond: 'ms', minute: 'min', nanosecond: 'ns', ounce: 'oz', petabyte: 'PB',
    pound: 'lb', second: 'sec', stone: 'st', terabit: 'Tb', terabyte: 'TB', yard: 'yd', day: 'day', week: 'wk', month: 'mth', year: 'yr',
    'kilometer-per-hour': 'km/h', 'mile-per-hour': 'mph', 'meter-per-second': 'm/s', 'mile-per-gallon': 'mpg', 'liter-per-kilometer': 'L/km',
    'kilobyte-per-second': 'kB/s', 'megabyte-per-second': 'MB/s', 'gigabyte-per-second': 'GB/s', 'megabit-per-second': 'Mb/s', 'gram-per-liter': 'g/L',
  }
  const NARROW = { byte: 'B', degree: '°', foot: '′', hour: 'h', inch: '″', minute: 'm', month: 'm', pound: '#', second: 's', day: 'd', week: 'w', year: 'y' }
  const PLURAL = { foot: 'feet', inch: 'inches', stone: 'stones' }
  const SHORT_PLURAL = { day: 'days', week: 'wks', month: 'mths', year: 'yrs' }
  const DEGREES = { celsius: ['Celsius', '°C', '°C'], fahrenheit: ['Fahrenheit', '°F', '°'] }

  // What follows the number.
  function unitText(unit, display, isOne) {
    if (unit === 'percent') return display === 'long' ? ' percent' : '%'
    if (Object.hasOwn(DEGREES, unit)) {
      const [name, short, narrow] = DEGREES[unit]
      return display === 'long' ? ` degree${isOne ? '' : 's'} ${name}` : display === 'short' ? short : narrow
    }
    if (display === 'narrow') return NARROW[unit] ?? SHORT[unit]
    if (display === 'short') return ` ${(!isOne && SHORT_PLURAL[unit]) || SHORT[unit]}`
    const [first, per] = unit.split('-per-')
    const name = isOne ? first.replace('-', ' ') : PLURAL[first] ?? `${first.replace('-', ' ')}s`
    return ` ${name}${per ? ` per ${per}` : ''}`
  }
  const hasUnit = (unit) => unit === 'percent' || Object.hasOwn(SHORT, unit) || Object.hasOwn(DEGREES, unit)
  return { unitText, hasUnit }
})
