/* SPDX-License-Identifier: MIT
 *
 * Part 5: training.
 *
 *     image -> two views -> h -> z -> loss -> gradients -> update
 *
 * A trainer runs the whole line step by step.  `simclr train` is the same with checkpoints,
 * TensorBoard and evaluations around it; src/train/step.c is the algorithm itself.
 */
#include <simclr.h>

#include <stdio.h>

enum { STEPS = 30 };

int main(void)
{
    simclr_error err = {0};
    simclr_config *config;
    simclr_trainer *trainer;
    simclr_train_status status = {0};
    double first = 0, last = 0;

    if (simclr_config_new(&config, &err) < 0 ||
        simclr_config_set_preset(config, "tiny", &err) < 0 ||
        simclr_config_set(config, "epochs", "5", SIMCLR_FROM_CLI, NULL, &err) < 0 ||
        simclr_trainer_open(&trainer, config, &err) < 0) {
        fprintf(stderr, "5_train: %s\n", err.text);
        return 1;
    }
    for (int i = 0; i < STEPS; i++) {
        if (simclr_trainer_step(&status, trainer, &err) < 0) {
            fprintf(stderr, "5_train: %s\n", err.text);
            return 1;
        }
        first += i < 5 ? status.loss / 5 : 0;
        last += i >= STEPS - 5 ? status.loss / 5 : 0;
        if (i % 5 == 4)
            printf("step %3llu  loss %.4f  lr %.4f\n", (unsigned long long)status.step, status.loss,
                   status.lr);
    }
    printf("loss of the first five steps %.4f, of the last five %.4f\n", first, last);
    simclr_trainer_close(trainer);
    simclr_config_free(config);
    return last < first ? 0 : 1;
}
