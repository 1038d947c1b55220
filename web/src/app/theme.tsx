/** Light or dark, as the system asks for, or as a button says. */

import { useEffect } from "preact/hooks";
import { useExplorer } from "./explorer";
import { Button } from "../ui/Button";

export function useTheme(): void {
  const { dark } = useExplorer();
  useEffect(() => {
    const query = window.matchMedia("(prefers-color-scheme: dark)");
    const follow = () => {
      dark.value = query.matches;
    };
    follow();
    query.addEventListener("change", follow);
    return () => query.removeEventListener("change", follow);
  }, []);
  useEffect(() => {
    document.documentElement.dataset.theme = dark.value ? "dark" : "light";
  }, [dark.value]);
}

export function ThemeButton() {
  const { dark } = useExplorer();
  return <Button onClick={() => (dark.value = !dark.value)}>{dark.value ? "Light" : "Dark"}</Button>;
}
