const { copyFileSync } = require("node:fs");
const { join } = require("node:path");

/** What the builder of JupyterLab doesn't know of itself. */
module.exports = {
  // TypeScript, read as it stands. `npm run check` looks at types.
  resolve: { extensions: [".ts", ".js"] },
  module: {
    rules: [
      {
        test: /\.ts$/,
        type: "javascript/auto",
        loader: "builtin:swc-loader",
        options: { jsc: { parser: { syntax: "typescript" }, target: "es2022" } },
      },
    ],
  },
  // How the extension came and goes, for JupyterLab's list of extensions.
  plugins: [
    {
      apply({ options, hooks }) {
        const target = join(options.output.path, "..", "install.json");
        hooks.done.tap("Install", () => copyFileSync(join(__dirname, "install.json"), target));
      },
    },
  ],
  performance: { hints: false }, // js/size.mjs knows what is fetched when
};
