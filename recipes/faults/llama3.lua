-- What training Llama 3 405B met: 419 unexpected interruptions in 54 days on 16,384 GPUs, 2,048
-- hosts (Grattafiori et al., The Llama 3 Herd of Models, 2024, section 3.3.4), most of them by a
-- GPU, its memory or its host. How long a host stays away is an assumption.

return {
  summary = "interruptions as often as in the training of Llama 3",
  crash = { per_hour = 419 / (54 * 24 * 2048), back = "1h" },
}
