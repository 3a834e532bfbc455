// What the builder of JupyterLab doesn't know of itself: TypeScript, read as it stands. `npm run check` looks at types.
module.exports = {
  performance: { hints: false }, // js/size.mjs knows what is fetched when
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
};
