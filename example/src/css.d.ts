import "react";

declare module "react" {
  interface CSSProperties {
    /** The hue of an avatar or a label, in degrees. */
    "--hue"?: number;
  }
}
