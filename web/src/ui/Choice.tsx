/** A list to choose one of. */

export interface Option {
  key: string;
  title: string;
}

export interface ChoiceProps {
  label: string;
  options: readonly Option[];
  value: string;
  onChange: (key: string) => void;
}

export function Choice({ label, options, value, onChange }: ChoiceProps) {
  return (
    <label class="choice">
      <span>{label}</span>
      <select value={value} onChange={(event) => onChange(event.currentTarget.value)}>
        {options.map(({ key, title }) => (
          <option key={key} value={key}>
            {title}
          </option>
        ))}
      </select>
    </label>
  );
}
