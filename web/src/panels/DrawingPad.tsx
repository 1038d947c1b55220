/** A black square to draw on in white, by mouse, finger or pen. */

import { useRef } from "preact/hooks";
import { Button } from "../ui/Button";

const SIDE = 280;
const PEN = 22;

export function DrawingPad({ onDraw }: { onDraw: (canvas: HTMLCanvasElement) => void }) {
  const canvas = useRef<HTMLCanvasElement>(null);
  const last = useRef<{ x: number; y: number } | null>(null);
  const draw = (event: PointerEvent) => {
    const context = canvas.current?.getContext("2d", { willReadFrequently: true });
    if (!canvas.current || !context || !(event.buttons & 1)) return;
    const scale = SIDE / canvas.current.clientWidth;
    const place = { x: event.offsetX * scale, y: event.offsetY * scale };
    const from = last.current ?? place;
    context.strokeStyle = "white";
    context.lineWidth = PEN;
    context.lineCap = "round";
    context.beginPath();
    context.moveTo(from.x, from.y);
    context.lineTo(place.x, place.y + 0.01);
    context.stroke();
    last.current = place;
    onDraw(canvas.current);
  };
  const clear = () => {
    canvas.current?.getContext("2d", { willReadFrequently: true })?.clearRect(0, 0, SIDE, SIDE);
    if (canvas.current) onDraw(canvas.current);
  };
  return (
    <div class="pad">
      <canvas
        ref={canvas}
        width={SIDE}
        height={SIDE}
        role="img"
        aria-label="Draw here with mouse, finger or pen; without these, choose a file below."
        onPointerDown={(event) => {
          event.currentTarget.setPointerCapture(event.pointerId);
          last.current = null;
          draw(event);
        }}
        onPointerMove={draw}
      />
      <div>
        <p class="hint">
          Draw in white, and fill the square: the drawing is scaled and centred as the digits of MNIST were.
        </p>
        <Button onClick={clear}>Clear</Button>
      </div>
    </div>
  );
}
