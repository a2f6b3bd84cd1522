"""An encoder in JavaScript: what a module of `write_javascript` has for rows with names."""

from __future__ import annotations

import json

from pellucid.encoding.cells import MISSING, NO, YES
from pellucid.encoding.encoder import TableEncoder

ROW = '  if (typeof x?.length !== "number") x = encode(x);\n'
"""What stands at the head of `scores`: a row with names is encoded first."""

_TEXT = r"""
/** A row of a table, {column: cell}, as the numbers it becomes. Dates are Date objects or texts. */
export function encode(row) {
  const numbers = [], signs = [], missing = [], oneHot = [], codes = [];
  for (const column of columns) {
    const { name, kind } = column;
    if (!(name in row)) throw new RangeError(`The row has no column "${name}": give it null if it is not known.`);
    const cell = plainCell(row[name]);
    if (kind === "number") {
      const x = numberOf(cell, name, column.lenient);
      numbers.push(scaled(x, column.median, column.factor, column.clip));
      if (column.missing) missing.push(Number(x === null));
    } else if (kind === "date") {
      const seconds = secondsOf(cell, name, column.order), parts = partsOf(seconds, column.first);
      column.parts.forEach((part, i) => {
        const x = seconds === null ? null : parts[part];
        numbers.push(scaled(x, column.medians[i], column.factors[i], column.clip));
      });
      if (column.missing) missing.push(Number(seconds === null));
    } else if (kind === "boolean") {
      signs.push(truthOf(cell, name));
    } else {
      const code = codeOf(cell, column);
      if (column.form === "sign") signs.push([0, -1, 1][code]);
      else if (column.form === "one_hot") column.values.forEach((_, i) => oneHot.push(Number(code === i + 1)));
      else codes.push(code);
    }
  }
  return Float32Array.from([...numbers, ...signs, ...missing, ...oneHot, ...codes]);
}

/** null for what is missing; texts without the space around them. */
function plainCell(cell) {
  if (cell === undefined || cell === null || Number.isNaN(cell)) return null;
  if (typeof cell === "boolean") return String(cell);
  if (typeof cell !== "string") return cell;
  const text = cell.trim();
  return missingWords.has(text.toLowerCase()) ? null : text;
}

/** The number that a text is, or null. */
function read(text) {
  if (/^[+-]?inf(inity)?$/i.test(text)) return text[0] === "-" ? -Infinity : Infinity;
  return /^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i.test(text) ? Number(text) : null;
}

function numberOf(cell, name, lenient) {
  if (cell === null) return null;
  const x = typeof cell === "string" ? read(cell) : typeof cell === "number" ? cell : null;
  if (x === null && !lenient) throw new RangeError(`Column "${name}" holds "${cell}", where a number belongs.`);
  if (x !== null && !Number.isFinite(x)) throw new RangeError(`Column "${name}": every number must be finite.`);
  return x;
}

/** (x − median)·factor, clipped smoothly; 0 for what is missing. */
function scaled(x, median, factor, clip) {
  if (x === null) return 0;
  const z = Math.min(Math.max((x - median) * factor, -1e150), 1e150);
  return z / Math.sqrt(1 + (z / clip) * (z / clip));
}

/** The place of a category among its values, from 1 on; 0 for another one or none. */
function codeOf(cell, column) {
  if (cell === null) return 0;
  const key = (value) => (column.numeric ? read(value) : value);
  column.codes ??= new Map(column.values.map((value, i) => [key(value), i + 1]));
  const text = cell instanceof Date ? cell.toISOString().slice(0, 19).replace("T00:00:00", "") : String(cell);
  return column.codes.get(key(text)) ?? 0;
}

function truthOf(cell, name) {
  if (cell === null) return 0;
  const number = read(String(cell)), word = number === null ? String(cell).toLowerCase() : String(number);
  if (yesWords.has(word)) return 1;
  if (noWords.has(word)) return -1;
  throw new RangeError(`Column "${name}" holds "${cell}", where yes or no belongs.`);
}

const TIME = String.raw`(?:[T ]\s*(\d{1,2}):(\d{2})(?::(\d{2})(?:[.,]\d+)?)?\s*(Z|[+-]\d{2}:?\d{2})?)?$`;
const YEAR_FIRST = new RegExp(String.raw`^(\d{4})([-/.])(\d{1,2})\2(\d{1,2})` + TIME);
const YEAR_LAST = new RegExp(String.raw`^(\d{1,2})([-/.])(\d{1,2})\2(\d{4})` + TIME);

/** Seconds from 1970 on to a date. */
function secondsOf(cell, name, order) {
  if (cell === null) return null;
  if (cell instanceof Date) return Math.floor(cell.getTime() / 1000);
  const match = typeof cell === "string" ? cell.match(order === "ymd" ? YEAR_FIRST : YEAR_LAST) : null;
  const [one, two, three] = match ? [match[1], match[3], match[4]].map(Number) : [];
  const parts = { ymd: [one, two, three], dmy: [three, two, one], mdy: [three, one, two] }[order];
  const [year, month, day] = parts;
  const [hour, minute, second] = match ? match.slice(5, 8).map((text) => Number(text ?? 0)) : [];
  const date = new Date(0);
  date.setUTCFullYear(year, month - 1, day);
  const right = year > 0 && date.getUTCMonth() === month - 1 && date.getUTCDate() === day && hour < 24 && minute < 60;
  if (!match || !right) throw new RangeError(`Column "${name}" holds "${cell}", where a date belongs.`);
  const offset = match[8] && match[8] !== "Z" ? match[8] : "+00:00";
  const shift = 3600 * Number(offset.slice(1, 3)) + 60 * Number(offset.slice(-2));
  const time = 3600 * hour + 60 * minute + Math.min(second, 59);
  return date.getTime() / 1000 + time - (offset[0] === "+" ? shift : -shift);
}

function partsOf(seconds, first) {
  const date = new Date(1000 * seconds);
  return {
    year: date.getUTCFullYear(),
    month: date.getUTCMonth() + 1,
    day: date.getUTCDate(),
    weekday: (date.getUTCDay() + 6) % 7,
    hour: date.getUTCHours(),
    days: (seconds - first) / 86400,
  };
}
"""


def encoding_parts(encoder: TableEncoder) -> list[str]:
    """The parts of a module: the function `encode`, what it calls, and what it knows of the columns."""
    sets = {"missingWords": MISSING, "yesWords": YES, "noWords": NO}
    words = "\n".join(f"const {name} = new Set({json.dumps(sorted(each))});" for name, each in sets.items())
    columns = ",\n".join(f"  {json.dumps(column, ensure_ascii=False)}" for column in encoder.to_plain()["columns"])
    return [_TEXT.strip(), words, f"/** What becomes of each column. */\nconst columns = [\n{columns},\n];"]
