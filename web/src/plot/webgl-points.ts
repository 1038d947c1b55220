/** Points drawn by WebGL 2: a million of them in one call. */

import type { Points } from "./points";
import type { Projection } from "./projection";

const VERTEX = `#version 300 es
uniform vec4 projection;
uniform vec2 pixels;
uniform float size;
in vec2 place;
in vec4 colour;
out vec4 fill;
void main() {
  vec2 position = place * projection.xz + projection.yw;
  vec2 clip = position / pixels * 2.0 - 1.0;
  gl_Position = vec4(clip.x, -clip.y, 0.0, colour.a == 0.0 ? 0.0 : 1.0);
  gl_PointSize = colour.a == 0.0 ? 0.0 : size;
  fill = colour;
}`;

const FRAGMENT = `#version 300 es
precision mediump float;
in vec4 fill;
out vec4 result;
void main() {
  float distance = length(gl_PointCoord - 0.5) * 2.0;
  float alpha = fill.a * (1.0 - smoothstep(0.8, 1.0, distance));
  if (alpha == 0.0) discard;
  result = vec4(fill.rgb * alpha, alpha);
}`;

export class WebglPoints implements Points {
  readonly maxCount = Infinity;
  private readonly program: WebGLProgram;
  private readonly places: WebGLBuffer;
  private readonly colours: WebGLBuffer;
  private count = 0;

  constructor(private readonly gl: WebGL2RenderingContext) {
    this.program = link(gl);
    this.places = this.attribute("place", 2, gl.FLOAT);
    this.colours = this.attribute("colour", 4, gl.UNSIGNED_BYTE);
    gl.enable(gl.BLEND);
    gl.blendFunc(gl.ONE, gl.ONE_MINUS_SRC_ALPHA);
  }

  setPlaces(places: Float32Array): void {
    this.count = places.length / 2;
    this.fill(this.places, places);
  }

  setColours(colours: Uint8Array): void {
    this.fill(this.colours, colours);
  }

  draw(projection: Projection, size: number): void {
    const { gl } = this;
    const ratio = gl.drawingBufferWidth / projection.width;
    gl.viewport(0, 0, gl.drawingBufferWidth, gl.drawingBufferHeight);
    gl.clearColor(0, 0, 0, 0);
    gl.clear(gl.COLOR_BUFFER_BIT);
    gl.useProgram(this.program);
    const { scaleX, shiftX, scaleY, shiftY } = projection;
    gl.uniform4f(this.uniform("projection"), scaleX, shiftX, scaleY, shiftY);
    gl.uniform2f(this.uniform("pixels"), projection.width, projection.height);
    gl.uniform1f(this.uniform("size"), size * ratio);
    gl.drawArrays(gl.POINTS, 0, this.count);
  }

  private attribute(name: string, size: number, type: number): WebGLBuffer {
    const { gl } = this;
    const buffer = gl.createBuffer();
    const place = gl.getAttribLocation(this.program, name);
    gl.bindBuffer(gl.ARRAY_BUFFER, buffer);
    gl.enableVertexAttribArray(place);
    gl.vertexAttribPointer(place, size, type, type === gl.UNSIGNED_BYTE, 0, 0);
    return buffer;
  }

  private fill(buffer: WebGLBuffer, values: Float32Array | Uint8Array): void {
    this.gl.bindBuffer(this.gl.ARRAY_BUFFER, buffer);
    this.gl.bufferData(this.gl.ARRAY_BUFFER, values, this.gl.STATIC_DRAW);
  }

  private uniform(name: string): WebGLUniformLocation | null {
    return this.gl.getUniformLocation(this.program, name);
  }
}

function link(gl: WebGL2RenderingContext): WebGLProgram {
  const program = gl.createProgram();
  for (const [type, code] of [
    [gl.VERTEX_SHADER, VERTEX],
    [gl.FRAGMENT_SHADER, FRAGMENT],
  ] as const) {
    const shader = gl.createShader(type) as WebGLShader;
    gl.shaderSource(shader, code);
    gl.compileShader(shader);
    gl.attachShader(program, shader);
  }
  gl.linkProgram(program);
  if (!gl.getProgramParameter(program, gl.LINK_STATUS)) {
    throw new Error(`The graphics card refuses to draw points: ${gl.getProgramInfoLog(program)}`);
  }
  return program;
}
