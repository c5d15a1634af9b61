/* SPDX-License-Identifier: MIT
 *
 * cmd_export.c - simclr export and simclr import: weights to others, and from them.
 */
#include "cmd.h"

#include <stdio.h>

static const cli_option export_options[] = {
    {"output", 'o', "FILE", "default model.safetensors"},
    {"format", 0, "safetensors", "the file's format"},
    {"projector", 0, NULL, "with the projector (projector.*), not the encoder alone"},
    {0},
};

static const char *const export_examples[] = {
    "simclr export runs/a -o resnet18.safetensors",
    "for torchvision, timm, Hugging Face",
    NULL,
};

static int run_export(const cli_args *args, simclr_error *err)
{
    const char *output = cli_value(args, "output"), *format = cli_value(args, "format");
    simclr_observer observer = cli_observer(args);
    if (output == NULL)
        output = "model.safetensors";
    int rc = simclr_export(output, args->word[0], format == NULL ? "safetensors" : format,
                           cli_flag(args, "projector"), &observer, err);
    if (rc == 0)
        printf("%s: written\n", output);
    return rc;
}

const cli_command cmd_export = {
    .name = "export",
    .usage = "RUN [-o FILE] [--format safetensors] [--projector]",
    .summary = "The encoder for PyTorch and timm",
    .text = "Names and layouts are torchvision's: load the file into\n"
            "torchvision.models.resnet18 with strict=False, and only fc.* is missing. With\n"
            "the cifar stem, first set model.conv1 to a 3x3 convolution of stride 1 and\n"
            "model.maxpool to torch.nn.Identity(). Where width, strides, kernels, pool, norm,\n"
            "activation or padding are not torchvision's, its module must be changed to\n"
            "match; the file's metadata says all of them.",
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
