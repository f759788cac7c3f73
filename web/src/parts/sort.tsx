/** A column's head that sorts. */

export interface Order {
  key: string;
  descending: boolean;
}

/** `-start_time` is descending. */
export const parseOrder = (text: string): Order =>
  text.startsWith("-") ? { key: text.slice(1), descending: true } : { key: text, descending: false };

export const orderText = (order: Order) => `${order.descending ? "-" : ""}${order.key}`;

interface Props {
  column: string;
  label: string;
  order: Order;
  onSort: (order: Order) => void;
  number?: boolean;
  /** The first click sorts from the largest. */
  descendingFirst?: boolean;
  className?: string;
}

export function SortHead({ column, label, order, onSort, number, descendingFirst, className }: Props) {
  const active = order.key === column;
  const sorted = active ? (order.descending ? "descending" : "ascending") : "none";
  const next = { key: column, descending: active ? !order.descending : (descendingFirst ?? false) };
  return (
    <th scope="col" aria-sort={sorted} class={`${number ? "number" : ""} ${className ?? ""}`}>
      <button type="button" class="sort" onClick={() => onSort(next)}>
        {label}
        <span aria-hidden="true">{active ? (order.descending ? "↓" : "↑") : ""}</span>
      </button>
    </th>
  );
}
