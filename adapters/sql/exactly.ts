// MariaDB pads with spaces when it compares, so that a look-up of `bob ` finds `bob`: only the very value counts.

/** The row, if it holds just these values. */
export const exactly = <Row extends object>(row: Row | undefined, values: Partial<Row>): Row | undefined =>
  row && Object.entries(values).every(([name, value]) => row[name as keyof Row] === value) ? row : undefined
