/* SPDX-License-Identifier: MIT
 *
 * cmd_export.c - simclr export and simclr import: weights to others, and from them.
 */
#include "cmd.h"

#include <stdio.h>

static const cli_option export_options[] = {
    {"output", 'o', "FILE", "default model.FORMAT"},
    {"format", 0, "safetensors|pth|onnx|npz", "default: what FILE's extension says; safetensors"},
    {"projector", 0, NULL, "with the projector (projector.*), not the encoder alone"},
    {0},
};

static const char *const export_examples[] = {
    "simclr export runs/a -o resnet18.safetensors",
    "for torchvision, timm, Hugging Face",
    "simclr export runs/a -o encoder.onnx",
    "for ONNX Runtime, OpenCV",
    NULL,
};

static int run_export(const cli_args *args, simclr_error *err)
{
    const char *output = cli_value(args, "output"), *format = cli_value(args, "format");
    char name[64];
    simclr_observer observer = cli_observer(args);
    if (output == NULL) {
        snprintf(name, sizeof name, "model.%s", format == NULL ? "safetensors" : format);
        output = name;
    }
    int rc =
        simclr_export(output, args->word[0], format, cli_flag(args, "projector"), &observer, err);
    if (rc == 0)
        printf("%s: written\n", output);
    return rc;
}

const cli_command cmd_export = {
    .name = "export",
    .usage = "RUN [-o FILE] [--format safetensors|pth|onnx|npz] [--projector]",
    .summary = "The encoder for PyTorch, timm, ONNX Runtime and NumPy",
    .text = "safetensors, for torchvision and timm:\n"
            "  model = torchvision.models.resnet18()\n"
            "  state = safetensors.torch.load_file(\"model.safetensors\")\n"
            "  model.load_state_dict(state, strict=False)   # only fc.* is missing\n"
            "\n"
            "pth, the same by PyTorch alone:\n"
            "  state = torch.load(\"model.pth\", weights_only=True)\n"
            "  model.load_state_dict(state, strict=False)\n"
            "  print(state.metadata[\"views.normalize\"])     # what pixels it expects\n"
            "\n"
            "onnx, the function itself, which normalises the pixels:\n"
            "  run = onnxruntime.InferenceSession(\"model.onnx\").run\n"
            "  x = images.astype(numpy.float32) / 255       # (N,3,H,W), RGB bytes\n"
            "  h = run([\"features\"], {\"images\": x})[0]      # or \"z\": --projector\n"
            "\n"
            "npz, arrays:\n"
            "  weights = numpy.load(\"model.npz\")\n"
            "  weights[\"conv1.weight\"]                      # (K,C,R,S), float32\n"
            "  json.loads(weights.zip.comment)              # the settings\n"
            "\n"
            "Names and layouts of weights are torchvision's. With the cifar stem, first set\n"
            "model.conv1 to a 3x3 convolution of stride 1 and model.maxpool to\n"
            "torch.nn.Identity(). Where width, strides, kernels, pool, norm, activation or\n"
            "padding are not torchvision's, its module must be changed to match; the file's\n"
            "metadata says all of them. Not so in ONNX: that is the graph of any encoder, for\n"
            "images of its size, as many as you like.",
    .options = export_options,
    .examples = export_examples,
    .words_min = 1,
    .words_max = 1,
    .run = run_export,
};

static const cli_option import_options[] = {
    {"output", 'o', "DIR", "the run to make"},
    {0},
};

static const char *const import_examples[] = {
    "simclr import resnet18.safetensors -o runs/b",
    "torchvision's weights as a starting point",
    NULL,
};

static int run_import(const cli_args *args, simclr_error *err)
{
    const char *run = cli_value(args, "output");
    simclr_config *config;
    simclr_observer observer = cli_observer(args);
    if (run == NULL) {
        snprintf(err->text, sizeof err->text, "import: -o DIR is needed: the run to make");
        return err->code = SIMCLR_E_USAGE;
    }
    int rc = cli_config(&config, args, err);
    if (rc == 0)
        rc = simclr_import(run, args->word[0], config, &observer, err);
    simclr_config_free(config);
    if (rc == 0)
        printf("%s: holds the weights as step 0; simclr train DATA -o %s -c %s/config.yaml trains "
               "them further\n",
               run, run, run);
    return rc;
}

const cli_command cmd_import = {
    .name = "import",
    .usage = "FILE -o RUN [key=value ...]",
    .summary = "Torchvision's or timm's weights as a starting point",
    .text = "A file of simclr export says which encoder it holds, for which images; of other\n"
            "files, depth, width and stem are recognised from the tensors. A setting that is\n"
            "given wins, with a warning where the file says otherwise. A file that does not\n"
            "fit exactly is refused, and what is missing, superfluous or misshapen is listed;\n"
            "a classifier (fc.*) is passed over, and so, with a warning, is a projector that\n"
            "does not fit. Prefixes that all names have in common are taken away, and said:\n"
            "encoder., backbone., module., model. A file of torch.save is refused with the\n"
            "lines of Python that convert it.",
    .options = import_options,
    .examples = import_examples,
    .words_min = 1,
    .words_max = 1,
    .keys = true,
    .run = run_import,
};
