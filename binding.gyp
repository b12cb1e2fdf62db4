{
  "targets": [
    {
      "target_name": "magneto_core",
      "sources": [
        "<!@(find native/core native/codec -name '*.cc' | sort)",
        "<!@(find native/napi -name '*.cc' | sort)"
      ],
      # Includes start at native/, so that an include line shows which ring it reaches into.
      "include_dirs": [
        "native",
        "native/third_party",
        "<!@(node -p \"require('node-addon-api').include_dir\")"
      ],
      # NDEBUG takes out FlatBuffers' checks of how its builders are called, which end the process and cost up to a quarter of
      # an event's instructions. The tests and fuzzers run with them. What strangers send is verified and the core's own
      # invariants (core/assert.h) are checked in every build.
      "defines": [
        "NAPI_VERSION=8", "NODE_ADDON_API_DISABLE_DEPRECATED", "NODE_ADDON_API_CPP_EXCEPTIONS", "NDEBUG"
      ],
      # node-gyp's defaults are C++17 without exceptions; the core asserts and the glue turns that into a JavaScript error.
      "cflags!": ["-fno-exceptions"],
      "cflags_cc!": ["-fno-exceptions", "-std=gnu++17", "-fno-rtti"],
      "cflags_cc": ["-std=c++20", "-O2", "-Wall", "-Wextra", "-fvisibility=hidden", "-flto=auto"],
      "ldflags": ["-flto=auto"],
      "xcode_settings": {
        "CLANG_CXX_LANGUAGE_STANDARD": "c++20",
        "GCC_ENABLE_CPP_EXCEPTIONS": "YES",
        "GCC_SYMBOLS_PRIVATE_EXTERN": "YES",
        "MACOSX_DEPLOYMENT_TARGET": "12.0"
      }
    },
    {
      # Connections of Spark RPC (native/tcp/README.md).
      "target_name": "magneto_tcp",
      "sources": ["<!@(find native/tcp -name '*.cc' | sort)"],
      "include_dirs": [
        "native",
        "<!@(node -p \"require('node-addon-api').include_dir\")"
      ],
      "defines": ["NAPI_VERSION=8", "NODE_ADDON_API_DISABLE_DEPRECATED", "NODE_ADDON_API_CPP_EXCEPTIONS"],
      "cflags!": ["-fno-exceptions"],
      "cflags_cc!": ["-fno-exceptions", "-std=gnu++17", "-fno-rtti"],
      "cflags_cc": ["-std=c++20", "-O2", "-Wall", "-Wextra", "-fvisibility=hidden"],
      "xcode_settings": {
        "CLANG_CXX_LANGUAGE_STANDARD": "c++20",
        "GCC_ENABLE_CPP_EXCEPTIONS": "YES",
        "GCC_SYMBOLS_PRIVATE_EXTERN": "YES",
        "MACOSX_DEPLOYMENT_TARGET": "12.0"
      }
    }
  ],
  "conditions": [
    ["OS == 'linux'", {
      "targets": [
        {
          # How the worker starts its children; elsewhere it does without (native/spawn/README.md).
          "target_name": "magneto_spawn",
          "sources": ["<!@(find native/spawn -name '*.cc' | sort)"],
          "include_dirs": [
            "native",
            "<!@(node -p \"require('node-addon-api').include_dir\")"
          ],
          "defines": ["NAPI_VERSION=8", "NODE_ADDON_API_DISABLE_DEPRECATED", "NODE_ADDON_API_CPP_EXCEPTIONS"],
          "cflags!": ["-fno-exceptions"],
          "cflags_cc!": ["-fno-exceptions", "-std=gnu++17", "-fno-rtti"],
          "cflags_cc": ["-std=c++20", "-O2", "-Wall", "-Wextra", "-fvisibility=hidden"],
          # A thread of it reaps what a broken launcher thread has left, when Node has unloaded it already.
          "ldflags": ["-Wl,-z,nodelete"]
        }
      ]
    }]
  ]
}
